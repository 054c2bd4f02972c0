"""Files of metered values as markets exchange them, read and written exactly."""
