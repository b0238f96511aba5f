//! Redis, for what people see of each other: who is there, what was said, what is being typed.
//!
//! Kept beside the records, in the same slot of a cluster, under names of their own and with an end of their own.
//! None of it decides anything.

use super::Redis;
use super::news::Notice;
use crate::collab::chat::{Keep, Line, Pair};
use crate::collab::live::Live;
use crate::collab::news::News;
use crate::collab::presence::Present;
use crate::collab::record::Millis;
use crate::django::object::ObjectKey;
use crate::store::StoreError;

/// What is being typed is kept so long after the last word of it.
const LIVE_KEEP: Millis = 10 * 60 * 1000;

impl Redis {
    fn notice(&self, object: &ObjectKey, news: News) -> String {
        let notice =
            Notice { from: self.node.clone(), object: object.clone(), events: Vec::new(), news: vec![news] };
        serde_json::to_string(&notice).unwrap_or_default()
    }

    /// Tells the other proxies.
    pub async fn tell(&self, object: &ObjectKey, news: News) -> Result<(), StoreError> {
        let (channel, notice) = (&self.channel(), &self.notice(object, news));
        self.links
            .run(&self.key(object), |mut c| async move {
                redis::cmd("PUBLISH").arg(channel).arg(notice).exec_async(&mut c).await
            })
            .await
    }

    /// Says who is on this proxy, and gives everybody who is on any.
    pub async fn meet(
        &self,
        object: &ObjectKey,
        own: &[Present],
        keep: Millis,
    ) -> Result<Vec<Present>, StoreError> {
        let text = match own {
            [] => String::new(),
            pages => serde_json::to_string(pages).unwrap_or_default(),
        };
        let now = self.clock.as_ref().map_or(0, crate::clock::Clock::now);
        let key = &self.key_of("people", object, "");
        let mut call = self.meet.prepare_invoke();
        call.key(key)
            .arg(self.node.as_str())
            .arg(text)
            .arg(keep)
            .arg(now)
            .arg(self.channel())
            .arg(self.notice(object, News::People));
        let call = &call;
        let found: Vec<String> =
            self.links.run(key, |mut c| async move { call.invoke_async(&mut c).await }).await?;
        let mut all = Vec::new();
        for text in found {
            let pages: Vec<Present> =
                serde_json::from_str(&text).map_err(|e| StoreError::Corrupt(e.to_string()))?;
            all.extend(pages);
        }
        Ok(all)
    }

    /// Keeps a message, and tells the other proxies of it.
    pub async fn say(&self, object: &ObjectKey, line: &Line, keep: Keep) -> Result<(), StoreError> {
        let pair = line.pair();
        let talk = &self.talk_key(object, &pair);
        let partners = &[(&pair.0, &pair.1), (&pair.1, &pair.0)]
            .map(|(own, other)| (self.key_of("partners", object, own), other.clone()));
        let text = &serde_json::to_string(line).unwrap_or_default();
        let (channel, notice) = (&self.channel(), &self.notice(object, News::Chat { line: line.clone() }));
        let first = isize::try_from(keep.lines).unwrap_or(isize::MAX);
        self.links
            .run(talk, |mut c| async move {
                let mut pipe = redis::pipe();
                pipe.atomic().rpush(talk, text).ltrim(talk, -first, -1);
                pipe.cmd("PEXPIRE").arg(talk).arg(keep.age);
                for (key, partner) in partners {
                    pipe.sadd(key, partner);
                    pipe.cmd("PEXPIRE").arg(key).arg(keep.age);
                }
                pipe.cmd("PUBLISH").arg(channel).arg(notice);
                pipe.exec_async(&mut c).await
            })
            .await
    }

    /// Everything that is kept of this person's conversations, each in its order.
    pub async fn said(&self, object: &ObjectKey, user_id: &str) -> Result<Vec<Line>, StoreError> {
        let key = &self.key_of("partners", object, user_id);
        let partners: Vec<String> = self
            .links
            .run(key, |mut c| async move { redis::cmd("SMEMBERS").arg(key).query_async(&mut c).await })
            .await?;
        if partners.is_empty() {
            return Ok(Vec::new());
        }
        let talks =
            &partners.iter().map(|p| self.talk_key(object, &Pair::of(user_id, p))).collect::<Vec<_>>();
        let texts: Vec<Vec<String>> = self
            .links
            .run(key, |mut c| async move {
                let mut pipe = redis::pipe();
                for talk in talks {
                    pipe.lrange(talk, 0, -1);
                }
                pipe.query_async(&mut c).await
            })
            .await?;
        let mut lines: Vec<Line> = Vec::new();
        for text in texts.iter().flatten() {
            let line: Line = serde_json::from_str(text).map_err(|e| StoreError::Corrupt(e.to_string()))?;
            // A command whose answer was lost is sent again.
            if lines.last() != Some(&line) {
                lines.push(line);
            }
        }
        Ok(lines)
    }

    pub async fn set_live(&self, object: &ObjectKey, live: &Live) -> Result<(), StoreError> {
        let key = &self.key_of("live", object, "");
        let text = &serde_json::to_string(live).unwrap_or_default();
        self.links
            .run(key, |mut c| async move {
                redis::cmd("SET").arg(key).arg(text).arg("PX").arg(LIVE_KEEP).exec_async(&mut c).await
            })
            .await
    }

    pub async fn live(&self, object: &ObjectKey) -> Result<Option<Live>, StoreError> {
        self.get_json(&self.key_of("live", object, "")).await
    }

    fn talk_key(&self, object: &ObjectKey, pair: &Pair) -> String {
        self.key_of("chat", object, &format!("{}:{}", pair.0, pair.1))
    }
}
