"""The rules: values in, values out. They know no clock, no chance and no outside world."""
