"""How well do the masks fit? Counts (`statistics`), and the named ways to reduce them (`protocols`)."""
