//! Tokens for clients whose events nobody serves.
use std::ffi::CString;

use rdkafka::bindings::rd_kafka_oauthbearer_set_token;
use rdkafka::client::{Client, ClientContext, OAuthToken};
use rdkafka::types::RDKafkaRespErr;
use thyme_core::{Error, Kind, Result};

/// Gives `client` the token that it logs in with from now on.
///
/// # Errors
/// `Auth` when librdkafka refuses it.
#[allow(unsafe_code, reason = "the bindings set tokens from events alone, which an admin client never serves")]
pub(crate) fn set_token<C: ClientContext>(client: &Client<C>, token: OAuthToken) -> Result<()> {
    let zero = |_| Error::new(Kind::Auth, "a token holds a zero byte");
    let (text, name) = (CString::new(token.token).map_err(zero)?, CString::new(token.principal_name).map_err(zero)?);
    let mut reason = [0_i8; 512].map(|byte| byte as std::ffi::c_char);
    // SAFETY: `client` is alive as long as it is borrowed; both texts end with a zero and live through the call, which copies
    // them; there are no extensions; `reason` is as long as it is said to be, and librdkafka ends what it writes with a zero.
    let code = unsafe {
        rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            text.as_ptr(),
            token.lifetime_ms,
            name.as_ptr(),
            std::ptr::null_mut(),
            0,
            reason.as_mut_ptr(),
            reason.len(),
        )
    };
    if code == RDKafkaRespErr::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    let reason = reason.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0).collect::<Vec<_>>();
    let reason = String::from_utf8_lossy(&reason).into_owned();
    Err(Error::new(Kind::Auth, "librdkafka refuses a token").context("said", reason))
}
