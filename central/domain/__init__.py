"""Pure: values in, values out. No clock, socket, database or money as float."""
