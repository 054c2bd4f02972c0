"""Virtual Modbus meters."""
