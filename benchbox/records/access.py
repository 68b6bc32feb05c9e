"""What a trial may read and reach beside its own files."""

import msgspec


class Access(msgspec.Struct, frozen=True, kw_only=True):
    """What a trial may read and reach beside its own files, and what is hidden from it.

    Attributes:
        read: Files and folders it may read, as the user allows.
        hidden: Files and folders that it must not read, wherever they are: those with
            data and results. Absolute, without links, and as bytes, since names of
            files need not be UTF-8.
        network: Whether it may use the network.
        compiled: Folder that keeps what compilers made of the model's code, from one
            process to the next; empty for none.
        compiles: Whether what is compiled in this trial is kept there. It must have
            seen no ratings, lest the next one learns them.
    """

    read: tuple[str, ...] = ()
    hidden: tuple[bytes, ...] = ()
    network: bool = False
    compiled: str = ""
    compiles: bool = False
