"""Virtual meters that push DLMS lists."""
