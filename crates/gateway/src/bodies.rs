//! Bodies on their way through: counted, bounded, and with placeholders and real values exchanged.

use crate::audit::{GrantName, Report};
use crate::budget::Budget;
use crate::host::Authority;
use crate::policy::Denial;
use crate::reply::{self, BodyError};
use crate::swap::{Swapping, Swaps};
use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use tokio_util::sync::CancellationToken;

/// A body from which texts are replaced, or not.
struct Swapped<B> {
    body: B,
    swapping: Option<Swapping>,
}

impl<B> Swapped<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    fn new(body: B, swaps: Option<&Swaps>) -> Self {
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

/// A body on its way: a request's out, or an answer's in.
pub(crate) struct Carried<B> {
    inner: Swapped<B>,
    way: Way,
    report: Arc<Report>,
}

/// Which way, and what holds there.
enum Way {
    Out {
        target: Authority,
        budget: Arc<Budget>,
        denied: Arc<OnceLock<Denial>>,
        /// The grants whose values may be put in.
        grants: Vec<GrantName>,
        /// Ends it where nothing may be carried out any more.
        outward: CancellationToken,
    },
    In,
}

impl Carried<reply::Body> {
    /// A request's body, and where it is told that it was too much.
    pub(crate) fn out(
        body: reply::Body,
        swaps: Option<(Swaps, Vec<GrantName>)>,
        (target, outward): (&Authority, CancellationToken),
        budget: Arc<Budget>,
        report: Arc<Report>,
    ) -> (Self, Arc<OnceLock<Denial>>) {
        let denied = Arc::new(OnceLock::new());
        let (swaps, grants) = swaps.unzip();
        let way = Way::Out {
            target: target.clone(),
            budget,
            denied: Arc::clone(&denied),
            grants: grants.unwrap_or_default(),
            outward,
        };
        (Self { inner: Swapped::new(body, swaps.as_ref()), way, report }, denied)
    }
}

impl<B> Carried<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    /// An answer's body; carries the report of its request to the end.
    pub(crate) fn back(body: B, scrub: Option<&Swaps>, report: Arc<Report>) -> Self {
        Self { inner: Swapped::new(body, scrub), way: Way::In, report }
    }
}

impl<B> Carried<B> {
    /// Counts what goes on now, or says why it does not.
    fn count(&mut self, bytes: u64) -> Result<(), BodyError> {
        let Way::Out { target, budget, denied, grants, outward } = &mut self.way else {
            self.report.down(bytes);
            return Ok(());
        };
        if outward.is_cancelled() {
            return Err("nothing may be carried out any more".into());
        }
        if let Err(denial) = budget.take(target, bytes) {
            let words = denial.words.clone();
            // Told once: the first is the one that stopped it.
            denied.get_or_init(|| denial);
            return Err(words.into());
        }
        self.report.up(bytes);
        if self.inner.swapping.as_ref().is_some_and(Swapping::swapped) {
            self.report.used(std::mem::take(grants));
        }
        Ok(())
    }
}

impl<B> Body for Carried<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let mut polled = self.inner.poll(context);
        // TRUST: hardly anybody sends trailers, and nobody judges or counts what stands in a request's.
        while let (Way::Out { .. }, Poll::Ready(Some(Ok(frame)))) = (&self.way, &polled)
            && frame.is_trailers()
        {
            polled = self.inner.poll(context);
        }
        if let Poll::Ready(Some(Ok(frame))) = &polled {
            let bytes = frame.data_ref().map_or(0, |data| data.len() as u64);
            if let Err(error) = self.count(bytes) {
                return Poll::Ready(Some(Err(error)));
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end()
    }

    fn size_hint(&self) -> SizeHint {
        match self.way {
            Way::Out { .. } => self.inner.size_hint(),
            // Answers to HEAD have a length and no body.
            Way::In => SizeHint::default(),
        }
    }
}
