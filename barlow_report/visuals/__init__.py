"""Pictures for the report: thumbnails, heatmaps, charts."""
