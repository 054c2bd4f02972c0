"""Where a process of the centre is put together from its parts."""
