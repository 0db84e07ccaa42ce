"""The manual: its pages in Markdown, and what builds a site of them (`python -m barlow_report.manual`).

Pages stand here once. What the code says itself (configuration, commands, tables, functions) is never written by hand:
`manual.reference` makes pages of it when the site is built. So nothing imports this package, and it may import all.
"""
