"""The window. With app.py the only code that imports Qt."""
