"""Names of costs in the table, in the report and on the axes of charts."""

# columns of the joined table -> heading
COSTS = {
    "training_processor": "training, CPU s",
    "image_ms": "image to features, ms",
    "hash_us": "features to code, µs",
    "bytes_per_item": "bytes",
    "search_flat_rate": "exhaustive search, queries/s",
    "search_items": "codes searched",
    "search_repeats": "best of",
}
MARK = "*"  # after disturbed values
DISTURBED = "disturbed: other processes took the CPU during the measurement, so the true cost is lower"
