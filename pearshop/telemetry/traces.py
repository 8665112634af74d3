"""OpenTelemetry traces, told by OTLP over HTTP where `OTEL_EXPORTER_OTLP_ENDPOINT` says so.

OpenTelemetry's own variables set the rest: the sampler, the headers, the service's name.
"""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pearshop.telemetry.origins import Origin

if TYPE_CHECKING:
    from opentelemetry.trace import Span, SpanContext, Tracer

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
SERVICE = "pearshop"
Attributes = Mapping[str, str | int]


class Traces:
    """One process's spans. Nothing of OpenTelemetry is loaded unless an endpoint is set."""

    def __init__(self) -> None:
        self._tracer: Tracer | None = None

    @property
    def are_told(self) -> bool:
        """Whether there is somebody to tell of spans."""
        return self._tracer is not None

    def start(self, process: str) -> None:
        """Begin to tell, under this name of a process, if an endpoint is set."""
        if self._tracer is not None or not any(os.environ.get(name) for name in ENDPOINTS):
            return
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor

        named = {"service.instance.id": process}
        if "OTEL_SERVICE_NAME" not in os.environ:
            named["service.name"] = SERVICE
        provider = TracerProvider(resource=Resource.create(named))
        provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = provider.get_tracer(SERVICE)

    def begin(
        self,
        name: str,
        parents: Sequence[str],
        attributes: Attributes | None = None,
        *,
        serves: bool = False,
        start_ns: int | None = None,
    ) -> "Span":
        """Return a span that has begun. Only while spans are told.

        `parents`: each a `traceparent`. It is the first one's child and linked to the others.
        `serves`: it is the shop's answer to somebody outside.
        """
        from opentelemetry.trace import (
            Link,
            NonRecordingSpan,
            SpanKind,
            set_span_in_context,
        )

        assert self._tracer is not None
        known = [found for each in dict.fromkeys(parents) if (found := _context_of(each))]
        within = set_span_in_context(NonRecordingSpan(known[0])) if known else None
        return self._tracer.start_span(
            name,
            within,
            SpanKind.SERVER if serves else SpanKind.INTERNAL,
            attributes,
            [Link(each) for each in known[1:]],
            start_ns,
        )

    def finish(self, span: "Span", attributes: Attributes, *, failed: str = "") -> None:
        """End a span; `failed` says why, if it has."""
        from opentelemetry.trace import StatusCode

        span.set_attributes(attributes)
        if failed:
            span.set_status(StatusCode.ERROR, failed)
        span.end()


TRACES = Traces()


def traceparent(span: "Span") -> str:
    """Return a span's context as W3C writes it."""
    found = span.get_span_context()
    return f"00-{found.trace_id:032x}-{found.span_id:016x}-{found.trace_flags:02x}"


def beneath(span: "Span", origins: Sequence[Origin]) -> tuple[Origin, ...]:
    """Return origins whose further work belongs beneath a span."""
    parent = traceparent(span)
    return tuple((request_id, parent) for request_id, _ in origins)


def _context_of(parent: str) -> "SpanContext | None":
    """Return what a `traceparent` names; `None` for none, and for one that is ill-formed."""
    from opentelemetry.trace import get_current_span
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    found = TraceContextTextMapPropagator().extract({"traceparent": parent})
    context = get_current_span(found).get_span_context()
    return context if context.is_valid else None
