"""Numbers as sentences write them."""


def percent(share: float) -> str:
    """Return a share for people: one decimal from 1 %, two significant digits below.

    >>> percent(0.1234), percent(0.00123)
    ('12.3 %', '0.12 %')
    """
    value = 100 * share
    if value == 0:
        return "0 %"
    return f"{value:.1f} %" if abs(value) >= 1 else f"{value:.2g} %"


def points(delta: float, with_unit: bool = True) -> str:
    """Return a difference of shares for people, in percentage points with its sign.

    >>> points(0.07)
    '+7.0 points'
    """
    value = 100 * delta
    digits = f"{value:+.1f}" if abs(value) >= 1 else f"{value:+.2f}"
    digits = "0" if abs(value) < 0.005 else digits
    return f"{digits} points" if with_unit else digits


def counted(count: int, noun: str) -> str:
    """Return a number with its noun in the singular or plural.

    >>> counted(1, "shard"), counted(2_000, "shard")
    ('1 shard', '2,000 shards')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def per_million(rate: float) -> str:
    """Return a rate per million for people, with three significant digits and no exponent.

    >>> per_million(3741.2), per_million(0.0312)
    ('3,741', '0.0312')
    """
    return f"{rate:,.0f}" if rate >= 100 else f"{rate:.3g}"
