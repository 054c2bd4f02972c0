"""DLMS/COSEM push: data notifications over HDLC, the wrapper or M-Bus (IEC 62056).

Owns frames, values, decryption and the driver. It does not ask a meter for anything.
"""
