"""The rater: intervals and tariff in, determinants and lines out."""
