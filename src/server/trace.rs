//! The span of one request. What is logged of it stands in there, under the request's id. With the feature `otlp`, as is
//! usual, it also goes to a collector of OpenTelemetry, with the statements of the database in it, under the trace that the
//! caller names in `traceparent`.
//!
//! What goes out are names of the schema and of operations, ids, codes and times: no variables, no answers, no addresses,
//! no names of people, no tokens.

use tracing::Span;
use uuid::Uuid;

use crate::platform::scope::Caller;

/// A request has come; its operation is not known yet. The caller may say of which trace it is a part (W3C Trace Context).
#[cfg(not(feature = "otlp"))]
pub fn begin(request_id: Uuid, _traceparent: Option<&str>, _tracestate: Option<&str>) -> Span {
    tracing::error_span!("operation", %request_id)
}

/// Its operation is known.
#[cfg(not(feature = "otlp"))]
pub fn named(_span: &Span, _what: (&'static str, &str), _operation_name: Option<&str>, _caller: &Caller) {}

/// It has been answered, with that code of its first error.
#[cfg(not(feature = "otlp"))]
pub fn ended(_span: &Span, _code: Option<&str>) {}

#[cfg(feature = "otlp")]
pub use sent::{begin, ended, flush, layer, named};

#[cfg(feature = "otlp")]
mod sent {
    use std::sync::OnceLock;
    use std::time::Duration;

    use opentelemetry::KeyValue;
    use opentelemetry::propagation::{Extractor, TextMapPropagator};
    use opentelemetry::trace::TracerProvider;
    use opentelemetry_sdk::Resource;
    use opentelemetry_sdk::propagation::TraceContextPropagator;
    use opentelemetry_sdk::trace::SdkTracerProvider;
    use tracing::field::Empty;
    use tracing::subscriber::Interest;
    use tracing::{Metadata, Subscriber};
    use tracing_opentelemetry::OpenTelemetrySpanExt;
    use tracing_subscriber::Layer;
    use tracing_subscriber::filter::dynamic_filter_fn;
    use tracing_subscriber::registry::LookupSpan;

    use super::{Caller, Span, Uuid};
    use crate::platform::db::TRACED;
    use crate::server::measure;

    /// The name of a request's own span.
    const REQUEST: &str = "operation";
    /// The longest name of an operation that is told, in bytes. The gate takes names of letters, digits and underscores only.
    const LONGEST_NAME: usize = 100;
    /// How long the program waits at its end for a collector to take what is left.
    const LAST_PATIENCE: Duration = Duration::from_secs(5);

    /// Sends what has ended, from a thread of its own and out of a bounded queue: with a collector that is slow or away, what
    /// does not fit is dropped.
    static PROVIDER: OnceLock<SdkTracerProvider> = OnceLock::new();

    /// Sends spans where `OTEL_EXPORTER_OTLP_ENDPOINT` says; nothing without it.
    pub fn layer<S>() -> Option<impl Layer<S>>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let named = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !named("OTEL_EXPORTER_OTLP_ENDPOINT") && !named("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
            return None;
        }
        crate::platform::tls::install();
        let exporter = match opentelemetry_otlp::SpanExporter::builder().with_http().build() {
            Ok(exporter) => exporter,
            Err(error) => {
                eprintln!("No traces are sent: {error}");
                return None;
            }
        };
        let provider = PROVIDER.get_or_init(|| {
            let mut about =
                Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
            if !named("OTEL_SERVICE_NAME") {
                about = about.with_service_name("backoffice");
            }
            SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(about.build()).build()
        });
        // Of what is logged nothing goes along: it is not written for a third party's eyes. Nor does what the server does for
        // itself every second.
        let own = dynamic_filter_fn(|metadata, context| {
            is_ours(metadata) && (metadata.name() == REQUEST || context.lookup_current().is_some())
        });
        let own = own.with_callsite_filter(|metadata| match is_ours(metadata) {
            true => Interest::sometimes(),
            false => Interest::never(),
        });
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer("backoffice"))
            .with_location(false)
            .with_threads(false)
            .with_tracked_inactivity(false)
            .with_target(false)
            .with_level(false);
        Some(layer.with_filter(own))
    }

    /// Sends what has not been sent yet, before the program ends.
    pub fn flush() {
        if let Some(provider) = PROVIDER.get()
            && let Err(error) = provider.shutdown_with_timeout(LAST_PATIENCE)
        {
            tracing::warn!(%error, "the last traces could not be sent");
        }
    }

    fn is_ours(metadata: &Metadata<'_>) -> bool {
        metadata.is_span() && metadata.target() == TRACED
    }

    struct Parent<'a>([(&'static str, Option<&'a str>); 2]);

    impl Extractor for Parent<'_> {
        fn get(&self, key: &str) -> Option<&str> {
            self.0.iter().find(|(name, _)| *name == key)?.1
        }

        fn keys(&self) -> Vec<&str> {
            self.0.iter().filter(|(_, value)| value.is_some()).map(|(name, _)| *name).collect()
        }
    }

    /// A request has come; its operation is not known yet. The caller may say of which trace it is a part (W3C Trace Context).
    pub fn begin(request_id: Uuid, traceparent: Option<&str>, tracestate: Option<&str>) -> Span {
        let span = tracing::error_span!(target: TRACED, REQUEST, %request_id, otel.kind = "server",
            otel.name = Empty, otel.status_code = Empty, error.r#type = Empty, client.id = Empty,
            graphql.operation.r#type = Empty, graphql.operation.name = Empty, graphql.field = Empty);
        if traceparent.is_some() {
            let parent = Parent([("traceparent", traceparent), ("tracestate", tracestate)]);
            let _ = span.set_parent(TraceContextPropagator::new().extract(&parent));
        }
        span
    }

    /// Its operation is known.
    pub fn named(span: &Span, (kind, field): (&'static str, &str), operation_name: Option<&str>, caller: &Caller) {
        span.record("otel.name", format!("{kind} {field}"));
        span.record("graphql.operation.type", kind);
        span.record("graphql.field", field);
        if let Some(name) = operation_name {
            span.record("graphql.operation.name", name.get(..LONGEST_NAME).unwrap_or(name));
        }
        span.record("client.id", measure::asking(caller));
    }

    /// It has been answered, with that code of its first error. Failed has what is ours to mend: the caller's mistakes are
    /// no failures of the server.
    pub fn ended(span: &Span, code: Option<&str>) {
        let Some(code) = code else { return };
        span.record("error.type", code);
        if matches!(code, "INTERNAL_SERVER_ERROR" | "TIMEOUT" | "UNAVAILABLE") {
            span.record("otel.status_code", "ERROR");
        }
    }
}
