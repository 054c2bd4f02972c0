"""What the centre may change at a gateway under a signature: its meters, and its software."""
