"""The clients' rows: how soon two are connected, how late one hears the other, what a talk costs."""

ROWS = {}
