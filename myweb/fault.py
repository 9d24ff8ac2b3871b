"""What is wrong with a site, as people are told."""


class Fault(Exception):
    """One plain sentence on what is wrong, one on how to make it right, and what somebody else said, if anybody did."""

    def __init__(self, sentence: str, fix: str, words: str = "") -> None:
        super().__init__(sentence)
        self.sentence, self.fix, self.words = sentence, fix, words
