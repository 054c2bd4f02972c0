"""What the centre may change at a gateway under a signature: its meters, and its software.

Owns the check of signatures, the probation and the return. It does not take a wish that is not
signed.
"""
