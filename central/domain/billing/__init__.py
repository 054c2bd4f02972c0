"""Bills: values, states and cycles."""
