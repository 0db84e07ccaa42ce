"""Tests of engines: the seam, the schedule, workers of Ray."""
