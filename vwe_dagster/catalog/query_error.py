"""The error of questions that cannot be answered, and its kinds of faults."""

from __future__ import annotations

import enum


class QueryFault(enum.StrEnum):
    """The kind of fault of a question.

    The pages have a text for each kind and language. The text contains the names of values of :class:`QueryError`.
    """

    EMPTY_CONDITION = "empty_condition"
    NUL_CHARACTER = "nul_character"
    TOO_MANY_SIGNS = "too_many_signs"
    COMMENT = "comment"
    SYNTAX = "syntax"
    INCOMPLETE = "incomplete"
    SEVERAL_EXPRESSIONS = "several_expressions"
    NOT_BOOLEAN = "not_boolean"
    MISMATCH = "mismatch"
    UNUSABLE = "unusable"
    OTHER_TABLE = "other_table"
    SAMPLE = "sample"
    OTHER_EXPRESSION = "other_expression"
    OTHER_FUNCTION = "other_function"
    OTHER_TYPE = "other_type"
    TOO_SLOW = "too_slow"
    TOO_LARGE = "too_large"
    UNKNOWN_COLUMN = "unknown_column"
    MISSPELLED_COLUMN = "misspelled_column"
    NO_NUMBERS = "no_numbers"
    REPEATED_COLUMN = "repeated_column"
    INVALID_PREFERENCE = "invalid_preference"
    INVALID_WEIGHT = "invalid_weight"
    UNKNOWN_QUESTION = "unknown_question"
    UNREADABLE_QUESTIONS = "unreadable_questions"
    UNKNOWN_SEED = "unknown_seed"


class QueryError(ValueError):
    """A question is invalid or cannot be answered.

    Args:
        message: the fault and the remedy, in English.
        fault: the kind of fault.
        values: values for the texts of the pages, by name: parts of the question, positions and limits.
    """

    def __init__(self, message: str, fault: QueryFault, **values: str | float | list[str]) -> None:
        super().__init__(message)
        self.fault, self.values = fault, values
