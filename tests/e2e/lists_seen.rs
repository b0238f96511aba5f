//! Change lists, as two people with browsers see them.
