//! What librdkafka and the brokers say, as an error by kind.
use std::fmt;

use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use thyme_core::{Error, Kind, Retry};

/// `error`, which happened while doing `what` (`"read the topic"`), with the kind that its code stands for.
pub(crate) fn from_kafka(error: KafkaError, what: impl fmt::Display) -> Error {
    let message = format!("cannot {what}");
    match &error {
        // The message of librdkafka repeats the value, which may be a secret.
        KafkaError::ClientConfig(_, text, name, _) => {
            Error::new(Kind::Config, format!("librdkafka refuses the property `{name}`: {}", one_line(text)))
        }
        KafkaError::ClientCreation(text) if text.contains("ssl.key") => {
            let text = one_line(text);
            Error::new(Kind::Config, format!("the key of `ssl_key_pem` does not open; is `ssl_key_password` right?: {text}"))
        }
        KafkaError::ClientCreation(text) => Error::new(Kind::Config, format!("{message}: {}", one_line(text))),
        KafkaError::Nul(_) => Error::new(Kind::Config, format!("{message}: a name or a value holds a zero byte")),
        _ => match error.rdkafka_error_code() {
            Some(code) => from_code(code, message),
            None => Error::new(Kind::Unexpected, message).source(error),
        },
    }
}

/// As [`from_kafka`], of a bare code.
pub(crate) fn from_code(code: Code, message: impl Into<String>) -> Error {
    let error = Error::new(kind(code), message).source(Answer(code));
    if transient(code) { error.retry(Retry::Backoff) } else { error }
}

/// The code behind an error of this crate.
pub(crate) fn code(error: &Error) -> Option<Code> {
    let cause = std::error::Error::source(error)?;
    cause.downcast_ref::<Answer>().map(|answer| answer.0)
}

/// The one table from code to kind.
pub(crate) fn kind(code: Code) -> Kind {
    match code {
        Code::Authentication
        | Code::SaslAuthenticationFailed
        | Code::SSL
        | Code::TopicAuthorizationFailed
        | Code::GroupAuthorizationFailed
        | Code::ClusterAuthorizationFailed
        | Code::TransactionalIdAuthorizationFailed
        | Code::DelegationTokenAuthorizationFailed
        | Code::DelegationTokenExpired
        | Code::UnacceptableCredential
        | Code::SecurityDisabled => Kind::Auth,
        Code::UnsupportedSASLMechanism | Code::IllegalSASLState => Kind::Auth,
        Code::UnknownTopic
        | Code::UnknownPartition
        | Code::UnknownTopicOrPartition
        | Code::UnknownTopicId
        | Code::GroupIdNotFound
        | Code::ResourceNotFound => Kind::NotFound,
        Code::InvalidTopic
        | Code::InvalidGroupId
        | Code::InvalidSessionTimeout
        | Code::InvalidTransactionTimeout
        | Code::InvalidReplicationFactor
        | Code::InvalidPartitions
        | Code::InvalidConfig
        | Code::InvalidArgument
        | Code::InvalidRequiredAcks
        | Code::PolicyViolation
        | Code::InconsistentGroupProtocol
        | Code::GroupMaxSizeReached
        | Code::UnsupportedAssignor => Kind::Config,
        Code::UnsupportedVersion
        | Code::UnsupportedFeature
        | Code::UnsupportedForMessageFormat
        | Code::UnsupportedCompressionType
        | Code::NotImplemented => Kind::Unsupported,
        Code::Fenced
        | Code::ProducerFenced
        | Code::InvalidProducerEpoch
        | Code::TransactionCoordinatorFenced
        | Code::FencedInstanceId
        | Code::UnreleasedInstanceId => Kind::Conflict,
        Code::OffsetOutOfRange | Code::AutoOffsetReset | Code::NoOffset | Code::LogTruncation => Kind::CursorLost,
        Code::MessageSizeTooLarge
        | Code::InvalidMessageSize
        | Code::InvalidRecord
        | Code::InvalidMessage
        | Code::InvalidTimestamp => Kind::Data,
        Code::ThrottlingQuotaExceeded => Kind::RateLimited,
        _ if transient(code) => Kind::Unavailable,
        _ => Kind::Unexpected,
    }
}

/// Whether the code means that nobody answered.
pub(crate) fn silent(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::RequestTimedOut
    )
}

/// What passes when a broker, a leader or a coordinator is found again.
fn transient(code: Code) -> bool {
    matches!(
        code,
        Code::BrokerTransportFailure
            | Code::AllBrokersDown
            | Code::Resolve
            | Code::OperationTimedOut
            | Code::TimedOutQueue
            | Code::MessageTimedOut
            | Code::RequestTimedOut
            | Code::NetworkException
            | Code::LeaderNotAvailable
            | Code::NotLeaderForPartition
            | Code::BrokerNotAvailable
            | Code::ReplicaNotAvailable
            | Code::CoordinatorLoadInProgress
            | Code::CoordinatorNotAvailable
            | Code::NotCoordinator
            | Code::NotController
            | Code::NotEnoughReplicas
            | Code::NotEnoughReplicasAfterAppend
            | Code::ISRInsufficient
            | Code::KafkaStorageError
            | Code::OffsetNotAvailable
            | Code::PreferredLeaderNotAvailable
            | Code::EligibleLeadersNotAvailable
            | Code::ListenerNotFound
            | Code::FencedLeaderEpoch
            | Code::UnknownLeaderEpoch
            | Code::StaleBrokerEpoch
            | Code::ConcurrentTransactions
            | Code::UnstableOffsetCommit
            | Code::RebalanceInProgress
            | Code::IllegalGeneration
            | Code::UnknownMemberId
            | Code::FencedMemberEpoch
            | Code::StaleMemberEpoch
            | Code::AssignmentLost
            | Code::PollExceeded
            | Code::WaitingForCoordinator
            | Code::WaitCache
            | Code::InProgress
            | Code::Retry
            | Code::QueueFull
            | Code::BrokerDestroy
            | Code::DestroyBroker
            | Code::NodeUpdate
            | Code::FetchSessionIdNotFound
            | Code::InvalidFetchSessionEpoch
            | Code::RebootstrapRequired
            | Code::UnknownProducerId
            | Code::InvalidProducerIdMapping
            | Code::PurgeInflight
            | Code::PurgeQueue
    )
}

/// A code with what librdkafka says it means.
#[derive(Debug)]
struct Answer(Code);

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl std::error::Error for Answer {}

pub(crate) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_code_has_its_kind_and_advice() {
        for (code, expected, retry) in [
            (Code::Authentication, Kind::Auth, Retry::No),
            (Code::SSL, Kind::Auth, Retry::No),
            (Code::TopicAuthorizationFailed, Kind::Auth, Retry::No),
            (Code::UnknownTopicOrPartition, Kind::NotFound, Retry::No),
            (Code::FencedInstanceId, Kind::Conflict, Retry::No),
            (Code::ProducerFenced, Kind::Conflict, Retry::No),
            (Code::OffsetOutOfRange, Kind::CursorLost, Retry::No),
            (Code::BrokerTransportFailure, Kind::Unavailable, Retry::Backoff),
            (Code::NotLeaderForPartition, Kind::Unavailable, Retry::Backoff),
            (Code::MessageSizeTooLarge, Kind::Data, Retry::No),
            (Code::ThrottlingQuotaExceeded, Kind::RateLimited, Retry::Backoff),
            (Code::UnsupportedVersion, Kind::Unsupported, Retry::No),
            (Code::Underflow, Kind::Unexpected, Retry::Backoff),
        ] {
            let error = from_code(code, "cannot do it");
            assert_eq!((error.kind(), error.retry_advice()), (expected, retry), "{code:?}");
            assert_eq!(super::code(&error), Some(code));
        }
    }
}
