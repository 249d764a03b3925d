package dev.oxbow.service.verticle;

import dev.oxbow.handoff.cargo.Cargo;
import dev.oxbow.service.control.Operation;
import dev.oxbow.service.local.LocalEndpoint;
import dev.oxbow.service.mailbox.MailboxStore;
import io.vertx.core.Future;
import java.util.Map;

/** What one service does, and no other. Control loop only. */
public interface ServiceWork extends LocalEndpoint.Answers {

  /** What moves its data. */
  ServicePlane plane();

  /** The ops of its control socket. */
  Map<String, Operation> operations();

  /** Descriptors that it holds besides those that its accounts count, about. */
  long descriptors();

  /** Describes its work to another process and lends what belongs to it. */
  Future<Void> export(MailboxStore mailboxes, Cargo cargo);

  /**
   * Goes on with the work of another process, frozen.
   *
   * @throws IllegalArgumentException saying what is missing or does not fit
   */
  void restore(MailboxStore mailboxes, Cargo cargo);

  /** Ends all work; completes when all of it is in the mailboxes. */
  Future<Void> stop();

  /** Closes this process's copies of what belongs to its work, and forgets it. */
  void forget();

  /** Closes what it has, after {@link #stop()}. */
  Future<Void> close();
}
