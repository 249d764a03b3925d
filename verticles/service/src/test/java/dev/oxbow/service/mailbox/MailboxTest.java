package dev.oxbow.service.mailbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.config.QuotaOptions;
import dev.oxbow.fdpassing.eventloop.DescriptorLoop;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.service.mailbox.Postbag.Letter;
import dev.oxbow.service.quota.Account;
import dev.oxbow.service.quota.Accounts;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
final class MailboxTest {
  private final EpollVertx vertx = EpollVertx.open();
  private final DescriptorLoop loop = DescriptorLoop.of(vertx.context());
  private final QuotaOptions quotas = new QuotaOptions().setMailboxEvents(4);
  private Accounts accounts;
  private Account account;
  private Mailboxes mailboxes;
  private Mailbox mailbox;

  @BeforeEach
  void make() {
    vertx.run(
        () -> {
          accounts = new Accounts(quotas, loop);
          account = accounts.of(0);
          mailboxes = new Mailboxes(loop);
          mailbox = mailboxes.of(account, "app");
          mailbox.use();
        });
  }

  @AfterEach
  void close() {
    vertx.run(mailboxes::close);
    Await.until("all is closed", () -> vertx.call(account::descriptors) == 0);
    vertx.run(accounts::close);
    vertx.close();
  }

  private void post(String... names) {
    for (String name : names) {
      account.addDescriptors(1);
      mailbox.post(Letter.of(name));
    }
  }

  @Test
  void keepsWhatNobodyTakesAndGivesItToTheNext() {
    vertx.run(
        () -> {
          post("x", "y");
          assertThat(mailbox.size()).isEqualTo(2);
          assertThat(mailboxes.undelivered()).isZero();
          Postbag bag = Postbag.forgetful();
          mailbox.attach(bag);
          assertThat(bag.came()).isEqualTo("x1 y2");
          assertThat(mailbox.size()).isZero();
          post("z");
          assertThat(bag.came()).isEqualTo("z3");
        });
  }

  @Test
  void givesToTheNewestAndFallsBack() {
    vertx.run(
        () -> {
          Postbag first = Postbag.forgetful();
          Postbag second = Postbag.forgetful();
          mailbox.attach(first);
          mailbox.attach(second);
          post("x");
          assertThat(first.came() + "|" + second.came()).isEqualTo("|x1");
          mailbox.detach(second);
          post("y");
          assertThat(first.came() + "|" + second.came()).isEqualTo("y2|");
          mailbox.attach(second);
          mailbox.detach(first);
          post("z");
          assertThat(first.came() + "|" + second.came()).isEqualTo("|z3");
        });
  }

  @Test
  void waitsForARecipientThatIsFull() {
    vertx.run(
        () -> {
          Postbag bag = Postbag.acknowledging();
          bag.room = 1;
          mailbox.attach(bag);
          post("x", "y", "z");
          assertThat(bag.came()).isEqualTo("x1");
          assertThat(mailboxes.undelivered()).isEqualTo(2);
          bag.room = 9;
          mailbox.flush();
          assertThat(bag.came()).isEqualTo("y2 z3");
          assertThat(mailbox.size()).isEqualTo(3);
        });
  }

  @Test
  void keepsUntilAcknowledgedAndGivesAgainWithTheSameNumbers() {
    vertx.run(
        () -> {
          Postbag bag = Postbag.acknowledging();
          mailbox.attach(bag);
          post("x", "y", "z");
          mailbox.ack(1);
          assertThat(mailbox.size()).isEqualTo(2);
          mailbox.detach(bag);
          bag.came();
          Postbag next = Postbag.acknowledging();
          next.room = 1;
          mailbox.attach(next);
          post("n");
          assertThat(next.came()).isEqualTo("y2");
          next.room = 9;
          mailbox.flush();
          assertThat(next.came()).isEqualTo("z3 n4");
          mailbox.ack(4);
          assertThat(mailbox.size()).isZero();
        });
  }

  @Test
  void ackTakesWhatWaitsToBeGivenAgain() {
    vertx.run(
        () -> {
          Postbag bag = Postbag.acknowledging();
          mailbox.attach(bag);
          post("x", "y");
          mailbox.detach(bag);
          bag.room = 0;
          mailbox.attach(bag);
          mailbox.ack(1);
          bag.came();
          bag.room = 9;
          mailbox.flush();
          assertThat(bag.came()).isEqualTo("y2");
          assertThatThrownBy(() -> mailbox.ack(3)).isInstanceOf(RequestException.class);
        });
  }

  @Test
  void recipientThatDoesNotAcknowledgeGetsTheRestOfOneThatDid() {
    vertx.run(
        () -> {
          Postbag careful = Postbag.acknowledging();
          mailbox.attach(careful);
          post("x", "y");
          Postbag careless = Postbag.forgetful();
          mailbox.attach(careless);
          assertThat(careless.came()).isEqualTo("x1 y2");
          assertThat(mailbox.size()).isZero();
        });
  }

  @Test
  void oldestFallOutWhenItIsFull() {
    vertx.run(
        () -> {
          Postbag bag = Postbag.acknowledging();
          mailbox.attach(bag);
          post("a", "b", "c", "d", "e", "f");
          assertThat(mailbox.size()).isEqualTo(4);
          assertThat(mailbox.dropped()).isEqualTo(2);
          assertThat(mailboxes.dropped()).isEqualTo(2);
          bag.came();
          mailbox.attach(bag);
          assertThat(bag.came()).isEqualTo("c3 d4 e5 f6");
        });
  }

  @Test
  void oldOnesFallOutInTime() {
    quotas.setMailboxAgeMs(30);
    vertx.run(() -> post("x", "y"));
    Await.until("they fell out", () -> vertx.call(mailbox::dropped) == 2);
    vertx.run(() -> post("z"));
    Await.until("and the next", () -> vertx.call(mailbox::dropped) == 3);
    assertThat(vertx.call(mailbox::size)).isZero();
  }

  @Test
  void descriptorsOfWhatIsOwnedAreLeftOpenAndNotCounted() {
    Postbag bag = new Postbag(false, true);
    vertx.run(
        () -> {
          mailbox.attach(bag);
          post("x");
          assertThat(account.descriptors()).isZero();
        });
    assertThat(bag.descriptors()).hasSize(1).allMatch(descriptor -> descriptor.isOpen());
    bag.descriptors().get(0).close();
  }

  @Test
  void namelessOneDropsWhatComesAfterItsRecipient() {
    vertx.run(
        () -> {
          Mailbox nameless = Mailbox.anonymous(account, loop);
          Postbag bag = Postbag.forgetful();
          nameless.attach(bag);
          account.addDescriptors(2);
          nameless.post(Letter.of("x"));
          assertThat(bag.came()).isEqualTo("x1");
          nameless.detachAll();
          nameless.post(Letter.of("y"));
          assertThat(bag.came()).isEmpty();
          assertThat(nameless.size()).isZero();
        });
  }

  @Test
  void isForgottenWhenNobodyNeedsIt() {
    vertx.run(
        () -> {
          Postbag bag = Postbag.acknowledging();
          mailbox.attach(bag);
          post("x");
          mailbox.unuse();
          mailbox.detach(bag);
          assertThat(mailboxes.count()).isEqualTo(1);
          assertThat(mailboxes.events()).isEqualTo(1);
          mailbox.ack(1);
          assertThat(mailboxes.count()).isZero();
        });
  }

  @Test
  void numbersGoOnBehindAForgottenOne() {
    vertx.run(
        () -> {
          Postbag bag = Postbag.forgetful();
          mailbox.attach(bag);
          post("x", "y");
          mailbox.unuse();
          mailbox.detach(bag);
          bag.came();
          mailbox = mailboxes.of(account, "app");
          mailbox.use();
          mailbox.ack(2);
          mailbox.attach(bag);
          post("z");
          assertThat(bag.came()).isEqualTo("z3");
        });
  }

  @Test
  void eachUidAndAppHasItsOwn() {
    vertx.run(
        () -> {
          assertThat(mailboxes.of(account, "app")).isSameAs(mailbox);
          assertThat(mailboxes.of(account, "other")).isNotSameAs(mailbox);
          assertThat(mailboxes.of(accounts.of(1), "app")).isNotSameAs(mailbox);
          assertThat(mailboxes.count()).isEqualTo(3);
          mailboxes.close();
        });
  }
}
