//! Who does what is done now and then, when several servers share a database.

use super::{StoreError, Tx};
use fare_protocol::UnixMs;

impl Tx<'_> {
    /// Takes or keeps the lease of `job` for `holder` until `until`; answers whether `holder` has it.
    /// A lease saves work and no more: a job must be right when two servers do it, because their clocks
    /// may differ. One that ends later than two leases from now was written by a clock that is ahead, and counts
    /// for nothing: were that server gone, nobody else would do the job until then.
    ///
    /// # Errors
    /// Those of the database.
    pub fn lease(
        &self,
        job: &str,
        holder: [u8; 16],
        now: UnixMs,
        until: UnixMs,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO lease (job, holder, until_ms) VALUES ($1, $2, $3)
                   ON CONFLICT (job) DO UPDATE SET holder = $2, until_ms = $3
                   WHERE lease.holder = $2 OR lease.until_ms <= $4 OR lease.until_ms > $5";
        let believed = UnixMs(until.0.saturating_add(until.since(now)));
        Ok(self.run(sql, &[&job, &holder, &until, &now, &believed])? > 0)
    }
}
