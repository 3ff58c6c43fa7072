"""A class in one room: who may do what, how browsers are known, what a teacher allows."""
