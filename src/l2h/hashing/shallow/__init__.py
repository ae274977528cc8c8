"""Methods that learn without gradient descent, in closed form or by a few iterations."""
