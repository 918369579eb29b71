//! Alarms, which keep a cluster from doing further harm.

use super::header::{ResponseHeader, with_revision};
use super::open_enum::open_enum;
use crate::ids::MemberId;

/// Lists, raises or ends alarms.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct AlarmRequest {
    /// What to do, as a number; see [`action`](Self::action).
    #[prost(int32, tag = "1")]
    pub action: i32,
    /// The member that the alarm is about; zero for all of them.
    #[prost(uint64, tag = "2")]
    pub member_id: u64,
    /// The alarm, as a number; see [`alarm`](Self::alarm).
    #[prost(int32, tag = "3")]
    pub alarm: i32,
}

impl AlarmRequest {
    /// Lists the alarms of all members.
    pub fn list() -> Self {
        Self::with(AlarmAction::GET, AlarmType::NONE, MemberId(0))
    }

    /// Raises an alarm about a member.
    pub fn activate(alarm: AlarmType, member: impl Into<MemberId>) -> Self {
        Self::with(AlarmAction::ACTIVATE, alarm, member)
    }

    /// Ends an alarm about a member.
    pub fn deactivate(alarm: AlarmType, member: impl Into<MemberId>) -> Self {
        Self::with(AlarmAction::DEACTIVATE, alarm, member)
    }

    fn with(action: AlarmAction, alarm: AlarmType, member: impl Into<MemberId>) -> Self {
        Self { action: action.0, member_id: member.into().0, alarm: alarm.0 }
    }

    /// What to do.
    pub fn action(&self) -> AlarmAction {
        AlarmAction(self.action)
    }

    /// The alarm.
    pub fn alarm(&self) -> AlarmType {
        AlarmType(self.alarm)
    }
}

open_enum! {
    /// What to do about alarms.
    AlarmAction {
        /// To list them.
        GET = 0,
        /// To raise one.
        ACTIVATE = 1,
        /// To end one.
        DEACTIVATE = 2,
    }
}

open_enum! {
    /// What an alarm is about.
    AlarmType {
        /// Nothing; in a list, all of them.
        NONE = 0,
        /// A member has no space left: the cluster takes removals only.
        NOSPACE = 1,
        /// A member's data differ from the others'. Since 3.3.
        CORRUPT = 2,
    }
}

/// The alarms that were listed, raised or ended.
#[derive(Clone, PartialEq, Eq, Hash, prost::Message)]
pub struct AlarmResponse {
    /// Who answered, and how far its store was.
    #[prost(message, optional, tag = "1")]
    pub header: Option<ResponseHeader>,
    /// The alarms.
    #[prost(message, repeated, tag = "2")]
    pub alarms: Vec<AlarmMember>,
}

/// An alarm about a member.
#[derive(Clone, Copy, PartialEq, Eq, Hash, prost::Message)]
pub struct AlarmMember {
    /// The member's id.
    #[prost(uint64, tag = "1")]
    pub member_id: u64,
    /// The alarm, as a number; see [`alarm`](Self::alarm).
    #[prost(int32, tag = "2")]
    pub alarm: i32,
}

impl AlarmMember {
    /// The alarm.
    pub fn alarm(&self) -> AlarmType {
        AlarmType(self.alarm)
    }
}

with_revision!(AlarmResponse);
