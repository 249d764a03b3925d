package dev.oxbow.service.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.codecs.control.ErrorCode;
import dev.oxbow.codecs.control.Message;
import dev.oxbow.codecs.control.RequestException;
import dev.oxbow.fdpassing.descriptor.Descriptor;
import dev.oxbow.fdpassing.descriptor.Memfd;
import dev.oxbow.fdpassing.testing.Await;
import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import dev.oxbow.fdpassing.testing.EpollVertx;
import io.vertx.core.Future;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@DescriptorLeaks
final class ControlClientTest {
  @TempDir private Path directory;

  private final List<String> events = Collections.synchronizedList(new ArrayList<>());
  private EchoService service;
  private EpollVertx vertx;

  @BeforeEach
  void serve() {
    service = new EchoService(socket());
    vertx = service.vertx();
  }

  private Path socket() {
    return directory.resolve("test.sock");
  }

  @AfterEach
  void close() {
    service.close();
  }

  private ControlClient connect() {
    return EpollVertx.await(
        ControlClient.connect(
            vertx.vertx(),
            socket(),
            "app",
            (event, descriptors) -> {
              assertThat(descriptors).hasSize(1);
              Descriptor.closeAll(descriptors);
              events.add(event.string("text"));
            }));
  }

  private static Future<Message> plain(ControlClient client, String op) {
    return client.request(op, m -> {}, List.of(), List.of(), Function.identity());
  }

  @Test
  void acknowledgesWhatItsHandlerHasSeen() {
    ControlClient client = connect();
    for (int i = 0; i < 10; i++) {
      EpollVertx.await(EchoService.echo(client, "x" + i));
    }
    Await.until("all came", () -> events.size() == 10);
    Await.until("and are acknowledged", () -> service.events() == 0);
    assertThat(events).startsWith("x0", "x1").endsWith("x9");
    EpollVertx.await(client.close());
  }

  @Test
  void sendsDescriptorsAndLargeMessages() {
    ControlClient client = connect();
    try (Descriptor memfd = Memfd.open("x", 1)) {
      for (int length : new int[] {1, 70_000, 3 << 20}) {
        Message answer =
            EpollVertx.await(
                client.request(
                    "take",
                    m -> m.string("text", "x".repeat(length)),
                    List.of("x"),
                    List.of(memfd),
                    Function.identity()));
        assertThat(answer.integer("length", 0, Integer.MAX_VALUE)).isEqualTo(length);
      }
      assertThat(memfd.isOpen()).isTrue();
    }
    EpollVertx.await(client.close());
  }

  @Test
  void refusalComesAsItsCodeAndMessage() {
    ControlClient client = connect();
    Future<Message> answer = plain(client, "nonsense");
    assertFails(answer, ErrorCode.UNKNOWN_OP);
    EpollVertx.await(client.close());
  }

  private static void assertFails(Future<?> future, ErrorCode code) {
    assertThatThrownBy(() -> EpollVertx.await(future))
        .isInstanceOfSatisfying(RequestException.class, e -> assertThat(e.code()).isEqualTo(code));
  }

  @Test
  void lostConnectionFailsWhatIsUnansweredAsUnavailable() {
    ControlClient client = connect();
    Future<Message> answer = plain(client, "end");
    assertFails(answer, ErrorCode.UNAVAILABLE);
    assertThat(answer.cause()).isInstanceOf(LostAnswerException.class);
    EpollVertx.await(client.close());
  }

  @Test
  void descriptorThatIsClosedTooEarlyFailsItsRequestOnly() {
    ControlClient client = connect();
    int connections = service.connections();
    Descriptor good = Memfd.open("good", 1);
    Descriptor gone = Memfd.open("gone", 1);
    List<Future<Message>> answers = new ArrayList<>();
    vertx.run(
        () -> {
          answers.add(take(client, good));
          gone.close();
          answers.add(take(client, gone));
          answers.add(take(client, good));
        });
    EpollVertx.await(answers.get(0));
    assertFails(answers.get(1), ErrorCode.BAD_DESCRIPTORS);
    assertThat(answers.get(1).cause()).hasMessageStartingWith("x: ");
    EpollVertx.await(answers.get(2));
    good.close();
    EpollVertx.await(EchoService.echo(client, "still there"));
    assertThat(service.connections()).isEqualTo(connections);
    EpollVertx.await(client.close());
  }

  private static Future<Message> take(ControlClient client, Descriptor descriptor) {
    return client.request(
        "take", m -> m.string("text", "x"), List.of("x"), List.of(descriptor), Function.identity());
  }

  @Test
  void whatWasNotSentGoesOverTheNextConnection() {
    ControlClient client = connect();
    List<Future<Message>> answers = new ArrayList<>();
    String large = "x".repeat(40_000);
    vertx.run(
        () -> {
          // More than the socket takes: the loop cannot serve meanwhile.
          answers.add(plain(client, "end"));
          for (int i = 0; i < 20; i++) {
            answers.add(EchoService.echo(client, large));
          }
        });
    assertFails(answers.get(0), ErrorCode.UNAVAILABLE);
    service.listen();
    long lost = answers.stream().filter(answer -> !succeeds(answer)).count();
    assertThat(lost).isBetween(2L, 20L);
    for (Future<Message> answer : answers.subList(0, (int) lost)) {
      assertThat(answer.cause()).isInstanceOf(LostAnswerException.class);
    }
    Await.until("the others were done", () -> events.size() == answers.size() - (int) lost);
    EpollVertx.await(client.close());
  }

  private static boolean succeeds(Future<Message> answer) {
    Await.until("it is answered or lost", answer::isComplete);
    return answer.succeeded();
  }

  @Test
  void eachRequestHasPatienceOfItsOwn() {
    long patience = 400_000_000;
    ControlClient client =
        EpollVertx.await(
            ControlClient.connect(
                vertx.vertx(), socket(), "app", (e, d) -> Descriptor.closeAll(d), patience));
    service.end();
    Await.until("it is lost", () -> service.mailboxes() == 0);
    long begin = System.nanoTime();
    Future<Message> first = EchoService.echo(client, "first");
    Await.until("some time passes", () -> System.nanoTime() - begin > patience / 2);
    long later = System.nanoTime();
    Future<Message> second = EchoService.echo(client, "second");
    assertFails(first, ErrorCode.UNAVAILABLE);
    assertThat(first.cause()).isNotInstanceOf(LostAnswerException.class);
    assertFails(second, ErrorCode.UNAVAILABLE);
    assertThat(System.nanoTime() - later).isGreaterThanOrEqualTo(patience);
    EpollVertx.await(client.close());
  }

  @Test
  void connectsAgainAndSendsWhatWaited() {
    ControlClient client = connect();
    assertFails(plain(client, "end"), ErrorCode.UNAVAILABLE);
    Future<Message> waits = EchoService.echo(client, "late");
    service.listen();
    EpollVertx.await(waits);
    Await.until("the event came", () -> events.contains("late"));
    EpollVertx.await(client.close());
  }

  @Test
  void eventsOfTheTimeBetweenComeAfterwards() {
    ControlClient client = connect();
    service.end();
    service.post("between");
    service.listen();
    Await.until("the event came", () -> events.contains("between"));
    EpollVertx.await(client.close());
  }

  @Test
  void closingFailsWhatWaits() {
    ControlClient client = connect();
    service.end();
    Await.until("it is lost", () -> service.mailboxes() == 0);
    Future<Message> waits = EchoService.echo(client, "never");
    EpollVertx.await(client.close());
    assertFails(waits, ErrorCode.UNAVAILABLE);
    assertFails(EchoService.echo(client, "after"), ErrorCode.UNAVAILABLE);
    EpollVertx.await(client.close());
  }

  @Test
  void firstConnectionThatFailsIsTold() {
    assertThatThrownBy(
            () ->
                EpollVertx.await(
                    ControlClient.connect(
                        vertx.vertx(), directory.resolve("none.sock"), "app", (e, d) -> {})))
        .hasStackTraceContaining("none.sock");
  }

  @Test
  void refusedHelloIsTold() {
    assertFails(
        ControlClient.connect(vertx.vertx(), socket(), "no app", (e, d) -> {}),
        ErrorCode.BAD_REQUEST);
  }
}
