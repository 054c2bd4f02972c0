"""What rating gives: lines with their amounts, texts and interval weights."""
