-- A view computes its hours when it is asked; the variant is for continuous aggregates.
SELECT 1;
