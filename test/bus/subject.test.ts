// Topic names in NATS subjects: every name survives, none reaches a topic that is not its own.
import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { CrossingKind } from '../../src/bus/bus.js';
import { kindOfSubject, messageSubject, questionSubject, subjectToken, topicSubject } from '../../src/bus/subject.js';
import { checkTopicName } from '../../src/protocol/topic-name.js';

const topicName = fc
  .oneof(
    fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }),
    fc.string({ unit: fc.constantFrom('.', '*', '>', ' ', '%', '$', '/', '-', 'a', 'é', '\u00a0', '\u2028', '😀') }),
  )
  .filter((name) => checkTopicName(name) === undefined);

test('every topic name is one token of printable ASCII that gives the name back', () => {
  fc.assert(
    fc.property(topicName, (topic) => {
      const token = subjectToken(topic);
      assert.match(token, /^[!-~]+$/);
      assert.doesNotMatch(token, /[.*>]/);
      assert.ok(token.length <= 600);
      assert.equal(decodeURIComponent(token), topic);
    }),
    { numRuns: 1000 },
  );
});

test('plain names stay readable', () => {
  assert.equal(messageSubject('fanwire', 'chat/42', CrossingKind.text), 'fanwire.chat/42.t');
  assert.equal(topicSubject('a.b', 'news'), 'a.b.news.*');
  assert.equal(subjectToken('50% of 1.5*2 > 1'), '50%25%20of%201%2E5%2A2%20%3E%201');
});

test('a subject gives its kind, and a question is no message', () => {
  for (const kind of Object.values(CrossingKind))
    assert.equal(kindOfSubject(messageSubject('fanwire', 'x.t', kind)), kind);
  assert.equal(kindOfSubject(questionSubject('fanwire', 'x')), 'question');
  assert.equal(kindOfSubject('fanwire.x.of-a-newer-version-'), undefined);
});
