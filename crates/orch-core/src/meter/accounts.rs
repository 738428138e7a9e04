//! The tree of accounts: pure bookkeeping, one lock around it all.

use std::sync::Arc;

use crate::{Error, Estimate, Limits, Spend, Usage};

pub(super) type AccountId = usize;

/// One account.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) level: Arc<str>,
    pub(super) cap: Limits,
    pub(super) settled: Spend,
    pub(super) usage: Usage,
    pub(super) bookings: u32,
    parent: Option<AccountId>,
    /// Set aside for this account by its parent; what it books comes out of it.
    fund: Spend,
    /// What the accounts below claim.
    held: Spend,
}

impl Account {
    /// What this account holds of its parent's money: the rest of its own fund, or what is claimed below if that is more.
    pub(super) fn claim(&self) -> Spend {
        self.fund.saturating_sub(self.settled).max(self.held)
    }
}

#[derive(Debug)]
pub(super) struct Accounts {
    slots: Vec<Account>,
    free: Vec<AccountId>,
}

impl Accounts {
    pub(super) fn new(level: Arc<str>, cap: Limits) -> (Self, AccountId) {
        let root = Self::blank(level, cap, None);
        (Self { slots: vec![root], free: Vec::new() }, 0)
    }

    fn blank(level: Arc<str>, cap: Limits, parent: Option<AccountId>) -> Account {
        let (usage, fund, settled, held) = (Usage::new(), Spend::ZERO, Spend::ZERO, Spend::ZERO);
        Account { level, cap, settled, usage, bookings: 0, parent, fund, held }
    }

    /// How many accounts there is room for.
    #[cfg(test)]
    pub(super) fn slots(&self) -> usize {
        self.slots.len()
    }

    /// How many accounts are open.
    #[cfg(test)]
    pub(super) fn in_use(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    pub(super) fn account(&self, id: AccountId) -> &Account {
        &self.slots[id]
    }

    pub(super) fn open(&mut self, parent: AccountId, level: Arc<str>, cap: Limits) -> AccountId {
        let account = Self::blank(level, cap, Some(parent));
        if let Some(id) = self.free.pop() {
            self.slots[id] = account;
            id
        } else {
            self.slots.push(account);
            self.slots.len() - 1
        }
    }

    /// Gives back what is held and frees the slot. Accounts below are closed before.
    pub(super) fn close(&mut self, id: AccountId) {
        self.release(id);
        self.free.push(id);
    }

    /// Gives back what is left of the fund.
    pub(super) fn release(&mut self, id: AccountId) {
        self.change(id, |account| account.fund = Spend::ZERO, |_| ());
    }

    pub(super) fn reserve(&mut self, parent: AccountId, estimate: &Estimate) -> Result<AccountId, Error> {
        self.refuse_if_used_up(parent, estimate)?;
        let before: Vec<(AccountId, Spend)> = self.upwards(parent).map(|id| (id, self.slots[id].claim())).collect();
        let level = Arc::clone(&self.slots[parent].level);
        let id = self.open(parent, level, Limits::NONE);
        self.change(id, |account| account.fund = Spend::from(estimate), |_| ());
        for (above, claim) in before {
            if let Some(error) = self.overdrawn(above, claim) {
                self.close(id);
                return Err(error);
            }
        }
        Ok(id)
    }

    /// Past a limit nothing more starts; an unknown amount fits as long as anything is left.
    fn refuse_if_used_up(&self, id: AccountId, estimate: &Estimate) -> Result<(), Error> {
        let unknown = Spend {
            tokens: u64::from(estimate.tokens().is_none()),
            cost: crate::Usd::from_nanos(u64::from(estimate.cost.is_none())),
        };
        for above in self.upwards(id) {
            let account = &self.slots[above];
            if let Some(exceeded) = account.cap.exceeded_by(account.settled + unknown) {
                return Err(Error::budget_exceeded(exceeded, &account.level));
            }
        }
        Ok(())
    }

    /// Only a claim that grew can overdraw: what the fund covers was granted before.
    fn overdrawn(&self, id: AccountId, before: Spend) -> Option<Error> {
        let account = &self.slots[id];
        let claim = account.claim();
        let grown = Limits {
            tokens: account.cap.tokens.filter(|_| claim.tokens > before.tokens),
            cost: account.cap.cost.filter(|_| claim.cost > before.cost),
        };
        let exceeded = grown.exceeded_by(account.settled + claim)?;
        Some(Error::budget_exceeded(exceeded, &account.level))
    }

    pub(super) fn book(&mut self, id: AccountId, usage: &Usage) {
        let spend = Spend::from(usage);
        let count = |account: &mut Account| {
            account.settled += spend;
            account.usage += usage;
            account.bookings = account.bookings.saturating_add(1);
        };
        self.change(id, |_| (), count);
    }

    pub(super) fn check(&self, id: AccountId) -> Result<(), Error> {
        for above in self.upwards(id) {
            let account = &self.slots[above];
            if let Some(exceeded) = account.cap.exceeded_by(account.settled) {
                return Err(Error::budget_exceeded(exceeded, &account.level));
            }
        }
        Ok(())
    }

    /// By identity: names are given to many accounts.
    pub(super) fn is_limited_by(&self, id: AccountId, level: &Arc<str>) -> bool {
        self.upwards(id).any(|above| Arc::ptr_eq(&self.slots[above].level, level))
    }

    pub(super) fn remaining(&self, id: AccountId) -> Limits {
        let mut least = Limits::NONE;
        // What the accounts on the way up still have in funds of their own can be reserved again below them.
        let mut covered = Spend::ZERO;
        for above in self.upwards(id) {
            let account = &self.slots[above];
            let gone = account.settled + account.held;
            // Past a limit nothing more starts, whatever is still covered.
            let covered_here = if account.cap.exceeded_by(account.settled).is_some() { Spend::ZERO } else { covered };
            let left = Limits {
                tokens: account
                    .cap
                    .tokens
                    .map(|cap| cap.saturating_sub(gone.tokens).saturating_add(covered_here.tokens)),
                cost: account.cap.cost.map(|cap| cap.saturating_sub(gone.cost) + covered_here.cost),
            };
            least = Limits::smaller(least, left);
            covered += account.claim().saturating_sub(account.held);
        }
        least
    }

    /// Applies `here` to one account and `each` to it and all above, and carries the changed claims upwards.
    fn change(&mut self, id: AccountId, here: impl FnOnce(&mut Account), each: impl Fn(&mut Account)) {
        let account = &mut self.slots[id];
        let mut before = account.claim();
        here(account);
        each(account);
        let mut after = account.claim();
        let mut next = account.parent;
        while let Some(parent) = next {
            let account = &mut self.slots[parent];
            let parent_before = account.claim();
            account.held = account.held.saturating_sub(before) + after;
            each(account);
            (before, after) = (parent_before, account.claim());
            next = account.parent;
        }
    }

    fn upwards(&self, id: AccountId) -> impl Iterator<Item = AccountId> + '_ {
        std::iter::successors(Some(id), |id| self.slots[*id].parent)
    }
}
