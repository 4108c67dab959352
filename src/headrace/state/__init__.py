"""What headrace remembers beside the data, in the schema `headrace` of the warehouse."""
