package dev.oxbow.service.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.control.Message;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import dev.oxbow.handoff.cargo.Cargo;
import io.vertx.core.Future;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A client's connection goes from process to process. Each client has an event loop of its own and,
 * as processes have, a descriptor of its own for the same socket.
 */
@DescriptorLeaks
final class ClientHandOverTest {
  @TempDir private Path directory;

  private final EpollVertx here = EpollVertx.open();
  private final EpollVertx there = EpollVertx.open();
  private final List<String> told = Collections.synchronizedList(new ArrayList<>());
  private EchoService service;
  private ControlClient first;

  @BeforeEach
  void connect() {
    service = new EchoService(socket());
    first =
        EpollVertx.await(
            ControlClient.connect(here.vertx(), socket(), "app", (e, d) -> told("first", e, d)));
  }

  @AfterEach
  void close() {
    EpollVertx.await(first.close());
    service.close();
    here.close();
    there.close();
  }

  private Path socket() {
    return directory.resolve("test.sock");
  }

  private void told(String who, Message event, List<Descriptor> descriptors) {
    Descriptor.closeAll(descriptors);
    told.add(who + " " + event.string("text"));
  }

  /** As it comes in another process: with other descriptors of the same sockets. */
  private static Cargo sent(Cargo lent) {
    Cargo cargo = new Cargo();
    lent.names().forEach(name -> cargo.give(name, lent.get(name).duplicate()));
    lent.close();
    return cargo;
  }

  private ControlClient heir(Cargo lent) {
    try (Cargo cargo = sent(lent)) {
      return ControlClient.inherit(
          there.vertx(), socket(), "app", (e, d) -> told("heir", e, d), cargo);
    }
  }

  /** The first has handed over, and its process is gone. */
  private ControlClient passOn() {
    ControlClient heir = heir(EpollVertx.await(first.freeze()));
    EpollVertx.await(first.close());
    EpollVertx.await(heir.thaw());
    return heir;
  }

  @Test
  void heirGoesOnWithTheSameConnection() {
    EpollVertx.await(EchoService.echo(first, "1"));
    Await.until("it is acknowledged", () -> service.events() == 0);
    ControlClient heir = passOn();
    EpollVertx.await(EchoService.echo(heir, "2"));
    Await.until("the event is told and acknowledged", () -> service.events() == 0);
    assertThat(told).containsExactly("first 1", "heir 2");
    assertThat(service.connections()).isEqualTo(1);
    EpollVertx.await(heir.close());
  }

  @Test
  void freezeWaitsForAnswersAndSendsNoMore() {
    service.freeze();
    Future<Message> sent = EchoService.echo(first, "sent");
    Future<Cargo> frozen = first.freeze();
    Future<Message> late = EchoService.echo(first, "late");
    here.run(() -> assertThat(frozen.isComplete()).isFalse());
    service.thaw();
    try (Cargo cargo = EpollVertx.await(frozen)) {
      assertThat(sent.succeeded()).isTrue();
      here.run(() -> assertThat(late.isComplete()).isFalse());
      assertThat(cargo.names()).contains("connection");
    }
    EpollVertx.await(first.thaw());
    EpollVertx.await(late);
    Await.until("both events are told", () -> told.size() == 2);
    assertThat(told).containsExactly("first sent", "first late");
  }

  @Test
  void eventsOfTheTimeBetweenAreToldByTheHeirOnly() {
    Cargo lent = EpollVertx.await(first.freeze());
    service.post("between");
    ControlClient heir = heir(lent);
    here.run(() -> assertThat(told).isEmpty());
    EpollVertx.await(first.close());
    EpollVertx.await(heir.thaw());
    Await.until("it is told and acknowledged", () -> service.events() == 0);
    assertThat(told).containsExactly("heir between");
    EpollVertx.await(heir.close());
  }

  @Test
  void eventsOfTheTimeBetweenAreToldAfterARollback() {
    EpollVertx.await(first.freeze()).close();
    service.post("between");
    here.run(() -> assertThat(told).isEmpty());
    EpollVertx.await(first.thaw());
    Await.until("it is told and acknowledged", () -> service.events() == 0);
    assertThat(told).containsExactly("first between");
  }

  /** Frozen between the handler and the acknowledgement, which then comes from the heir. */
  @Test
  void eventThatWasHandledIsNotToldAgain() {
    EpollVertx.await(first.close());
    List<Future<Cargo>> frozen = Collections.synchronizedList(new ArrayList<>());
    List<ControlClient> clients = Collections.synchronizedList(new ArrayList<>());
    clients.add(
        EpollVertx.await(
            ControlClient.connect(
                here.vertx(),
                socket(),
                "app",
                (e, d) -> {
                  told("first", e, d);
                  frozen.add(clients.get(0).freeze());
                })));
    first = clients.get(0);
    service.post("once");
    Await.until("it is told", () -> frozen.size() == 1);
    ControlClient heir = heir(EpollVertx.await(frozen.get(0)));
    assertThat(service.events()).isEqualTo(1);
    EpollVertx.await(first.close());
    EpollVertx.await(heir.thaw());
    Await.until("the heir acknowledges it", () -> service.events() == 0);
    EpollVertx.await(EchoService.echo(heir, "next"));
    Await.until("the next is told", () -> told.size() == 2);
    assertThat(told).containsExactly("first once", "heir next");
    EpollVertx.await(heir.close());
  }

  @Test
  void requestsOfTheHeirWaitUntilItIsThawed() {
    ControlClient heir = heir(EpollVertx.await(first.freeze()));
    Future<Message> early = EchoService.echo(heir, "early");
    there.run(() -> assertThat(early.isComplete()).isFalse());
    EpollVertx.await(first.close());
    EpollVertx.await(heir.thaw());
    EpollVertx.await(early);
    assertThat(service.connections()).isEqualTo(1);
    EpollVertx.await(heir.close());
  }

  @Test
  void freezeThatIsGivenUpFailsAndTheClientGoesOn() {
    service.freeze();
    Future<Message> sent = EchoService.echo(first, "sent");
    Future<Cargo> frozen = first.freeze();
    EpollVertx.await(first.thaw());
    assertThatThrownBy(() -> EpollVertx.await(frozen))
        .isInstanceOf(IllegalStateException.class)
        .hasMessage("given up");
    service.thaw();
    EpollVertx.await(sent);
    EpollVertx.await(EchoService.echo(first, "more"));
    EpollVertx.await(first.freeze()).close();
    EpollVertx.await(first.thaw());
  }

  /** There is nothing to hand over but the name; the heir connects by itself. */
  @Test
  void clientWithoutAConnectionIsHandedOver() {
    service.end();
    Await.until("it is lost", () -> service.mailboxes() == 0);
    Cargo lent = EpollVertx.await(first.freeze());
    assertThat(lent.names()).doesNotContain("connection");
    service.listen();
    ControlClient heir = heir(lent);
    EpollVertx.await(first.close());
    EpollVertx.await(heir.thaw());
    EpollVertx.await(EchoService.echo(heir, "1"));
    Await.until("it is told and acknowledged", () -> service.events() == 0);
    assertThat(told).containsExactly("heir 1");
    EpollVertx.await(heir.close());
  }

  /** The service goes away while neither of the two looks. */
  @Test
  void connectionThatEndsWhileItIsFrozenIsMadeAgain() {
    ControlClient heir = heir(EpollVertx.await(first.freeze()));
    service.end();
    service.listen();
    EpollVertx.await(first.close());
    EpollVertx.await(heir.thaw());
    EpollVertx.await(EchoService.echo(heir, "1"));
    EpollVertx.await(heir.close());
  }

  @Test
  void clientOfAnotherAppOrSocketIsRefused() {
    Cargo lent = EpollVertx.await(first.freeze());
    for (Path path : List.of(socket(), directory.resolve("other.sock"))) {
      String app = path.equals(socket()) ? "other" : "app";
      Cargo again = new Cargo();
      lent.names().forEach(name -> again.give(name, lent.get(name).duplicate()));
      try (again) {
        assertThatThrownBy(
                () ->
                    ControlClient.inherit(
                        there.vertx(), path, app, (e, d) -> Descriptor.closeAll(d), again))
            .isInstanceOf(IllegalArgumentException.class)
            .hasMessage("the client was app at " + socket() + " and now is " + app + " at " + path);
      }
    }
    lent.close();
    EpollVertx.await(first.thaw());
    EpollVertx.await(EchoService.echo(first, "goes on"));
  }
}
