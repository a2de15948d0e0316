//! The settlement server: verifies, pairs, prices, posts and answers vouchers.
