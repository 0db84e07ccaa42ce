"""Groups, trees, rules and the evidence for them: numbers in, tables out."""
