"""Makers of records for tests."""

from benchmarks.results import Part, Precision, Record


def make_record(**changes):
    values = {
        "part": Part.PEERS,
        "precision": Precision.FLOAT32,
        "device": "2 cores of X",
        "machine": "2 cores of X, 24 GiB of memory",
        "date": "2024-01-01",
        "commit": "abc1234",
        "command": "python -m benchmarks.run --only=peers",
        "versions": {"tensorflow": "2.15.1"},
        "numbers": {
            "Stepdown": speeds(100.0, 110.0, 90.0),
            "PyTorch": speeds(80.0, 100.0, 100.0),
        },
        "facts": {"parameters": 42.0, "operations_per_image": 2e9},
    }
    return Record(**{**values, **changes})


def speeds(*values, **others):
    found = {"images_per_second": list(values), "memory_mib": [1024.0] * len(values), "others": [0.25] * len(values)}
    return found | others
