"""People describe features, and the names come back.

    batch -> form, collector or other tools -> answers -> merge -> agreement and names -> tables of the run folder

A name belongs to a (group, feature) pair: the same feature shows different things in different groups. Every
answer is kept, "I cannot tell" is an answer, and agreement is shown beside what descriptions of different
features have in common anyway.

Nothing here opens a run folder, and heavy libraries are imported where they are used, so that the commands
start at once and work where torch is not installed.
"""
