//! All that we know of Django, as pure functions: its URLs, its forms, its answers, its pages.
//!
//! Nothing here waits, opens a connection, reads a clock or knows of locks.

pub mod base;
pub mod changelist;
pub mod compare;
pub mod csp;
pub mod fields;
pub mod form;
pub mod inlines;
pub mod language;
pub mod list_outcome;
pub mod list_page;
pub mod object;
pub mod outcome;
pub mod page;
pub mod posted;
pub mod reader;
pub mod route;
pub mod rows;
pub mod session;
pub mod theme;
pub mod watch;
