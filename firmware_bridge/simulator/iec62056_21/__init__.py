"""Virtual meters that speak IEC 62056-21: P1 and the optical head."""
