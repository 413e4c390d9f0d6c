//! Bodies on their way through: counted, bounded, and with placeholders and real values exchanged.

use crate::audit::Report;
use crate::budget::Budget;
use crate::host::Authority;
use crate::policy::Denial;
use crate::reply::BodyError;
use crate::swap::{Swapping, Swaps};
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

/// A body from which texts are replaced, or not.
struct Swapped {
    body: Incoming,
    swapping: Option<Swapping>,
}

impl Swapped {
    fn new(body: Incoming, swaps: Option<&Swaps>) -> Self {
        Self { body, swapping: swaps.map(Swaps::stream) }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let polled = Pin::new(&mut self.body).poll_frame(context).map_err(Into::into);
            let Some(swapping) = &mut self.swapping else { return polled };
            let frame = match polled {
                Poll::Ready(Some(Ok(frame))) => frame,
                Poll::Ready(None) => {
                    let rest = Bytes::from(swapping.finish());
                    return Poll::Ready((!rest.is_empty()).then(|| Ok(Frame::data(rest))));
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(error))),
                Poll::Pending => return Poll::Pending,
            };
            // Trailers could carry what was replaced in the body; hardly anybody sends any.
            let Ok(data) = frame.into_data() else { continue };
            let sure = swapping.push(&data);
            if !sure.is_empty() {
                return Poll::Ready(Some(Ok(Frame::data(sure.into()))));
            }
        }
    }

    fn is_end(&self) -> bool {
        self.body.is_end_stream() && self.swapping.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        if self.swapping.is_some() && !self.body.is_end_stream() {
            return SizeHint::default();
        }
        self.body.size_hint()
    }
}

/// A request's body on its way out.
pub(crate) struct Outgoing {
    inner: Swapped,
    target: Authority,
    budget: Arc<Budget>,
    report: Arc<Report>,
    denied: Arc<OnceLock<Denial>>,
    /// The grants whose values may be put in.
    grants: Vec<String>,
}

impl Outgoing {
    /// The body, and where it is told that it was too much.
    pub(crate) fn new(
        body: Incoming,
        swaps: Option<(Swaps, Vec<String>)>,
        target: &Authority,
        budget: Arc<Budget>,
        report: Arc<Report>,
    ) -> (Self, Arc<OnceLock<Denial>>) {
        let denied = Arc::new(OnceLock::new());
        let (swaps, grants) = swaps.unzip();
        let inner = Swapped::new(body, swaps.as_ref());
        let (target, told) = (target.clone(), Arc::clone(&denied));
        (Self { inner, target, budget, report, denied, grants: grants.unwrap_or_default() }, told)
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.inner.poll(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            if let Err(denial) = self.budget.take(&self.target, bytes) {
                let words = denial.words.clone();
                // Told once: the first is the one that stopped it.
                self.denied.get_or_init(|| denial);
                return Poll::Ready(Some(Err(words.into())));
            }
            self.report.up(bytes);
            if self.inner.swapping.as_ref().is_some_and(Swapping::swapped) {
                let grants = std::mem::take(&mut self.grants);
                self.report.used(grants);
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// An answer's body on its way in; carries the report of its request to the end.
pub(crate) struct Answered {
    inner: Swapped,
    report: Arc<Report>,
}

impl Answered {
    pub(crate) fn new(body: Incoming, scrub: Option<&Swaps>, report: Arc<Report>) -> Self {
        Self { inner: Swapped::new(body, scrub), report }
    }
}

impl Body for Answered {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let polled = self.inner.poll(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            self.report.down(frame.data_ref().map_or(0, |data| data.len() as u64));
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
