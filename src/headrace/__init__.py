"""headrace: extract, load, transform, test, watch and explain data pipelines, in one graph."""
