"""DLMS/COSEM push: data notifications over HDLC, the wrapper or M-Bus (IEC 62056)."""
