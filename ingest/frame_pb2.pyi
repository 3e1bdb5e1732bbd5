from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class FrameBatch(_message.Message):
    __slots__ = ("version", "frames", "replay")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    version: int
    frames: _containers.RepeatedCompositeFieldContainer[Frame]
    replay: bool
    def __init__(self, version: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[Frame, _Mapping]]] = ..., replay: _Optional[bool] = ...) -> None: ...

class Frame(_message.Message):
    __slots__ = ("stream_id", "session", "first_sample", "start_unix_ns", "fs", "leads", "samples", "last")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    FIRST_SAMPLE_FIELD_NUMBER: _ClassVar[int]
    START_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    FS_FIELD_NUMBER: _ClassVar[int]
    LEADS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    stream_id: str
    session: str
    first_sample: int
    start_unix_ns: int
    fs: float
    leads: _containers.RepeatedCompositeFieldContainer[Lead]
    samples: bytes
    last: bool
    def __init__(self, stream_id: _Optional[str] = ..., session: _Optional[str] = ..., first_sample: _Optional[int] = ..., start_unix_ns: _Optional[int] = ..., fs: _Optional[float] = ..., leads: _Optional[_Iterable[_Union[Lead, _Mapping]]] = ..., samples: _Optional[bytes] = ..., last: _Optional[bool] = ...) -> None: ...

class Lead(_message.Message):
    __slots__ = ("name", "unit", "adc_gain", "baseline")
    NAME_FIELD_NUMBER: _ClassVar[int]
    UNIT_FIELD_NUMBER: _ClassVar[int]
    ADC_GAIN_FIELD_NUMBER: _ClassVar[int]
    BASELINE_FIELD_NUMBER: _ClassVar[int]
    name: str
    unit: str
    adc_gain: float
    baseline: int
    def __init__(self, name: _Optional[str] = ..., unit: _Optional[str] = ..., adc_gain: _Optional[float] = ..., baseline: _Optional[int] = ...) -> None: ...

class RawBatch(_message.Message):
    __slots__ = ("version", "frames", "replay")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    FRAMES_FIELD_NUMBER: _ClassVar[int]
    REPLAY_FIELD_NUMBER: _ClassVar[int]
    version: int
    frames: _containers.RepeatedCompositeFieldContainer[RawFrame]
    replay: bool
    def __init__(self, version: _Optional[int] = ..., frames: _Optional[_Iterable[_Union[RawFrame, _Mapping]]] = ..., replay: _Optional[bool] = ...) -> None: ...

class RawFrame(_message.Message):
    __slots__ = ("stream_id", "session", "first_sample", "start_unix_ns", "fs", "leads", "samples", "last")
    STREAM_ID_FIELD_NUMBER: _ClassVar[int]
    SESSION_FIELD_NUMBER: _ClassVar[int]
    FIRST_SAMPLE_FIELD_NUMBER: _ClassVar[int]
    START_UNIX_NS_FIELD_NUMBER: _ClassVar[int]
    FS_FIELD_NUMBER: _ClassVar[int]
    LEADS_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    LAST_FIELD_NUMBER: _ClassVar[int]
    stream_id: str
    session: str
    first_sample: int
    start_unix_ns: int
    fs: float
    leads: _containers.RepeatedScalarFieldContainer[bytes]
    samples: bytes
    last: bool
    def __init__(self, stream_id: _Optional[str] = ..., session: _Optional[str] = ..., first_sample: _Optional[int] = ..., start_unix_ns: _Optional[int] = ..., fs: _Optional[float] = ..., leads: _Optional[_Iterable[bytes]] = ..., samples: _Optional[bytes] = ..., last: _Optional[bool] = ...) -> None: ...
