"""What a parallel step of the pages' pipeline would run; their emulator only simulates it."""


def run(mini_batch: list[str]) -> list[str]:
    return mini_batch
