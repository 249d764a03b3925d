package dev.oxbow.app.demo.origin;

import static org.assertj.core.api.Assertions.assertThat;

import dev.oxbow.app.demo.payload.Hash;
import dev.oxbow.app.demo.payload.Payload;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class OriginTest {
  private static final InetSocketAddress ANY_PORT =
      new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);

  @TempDir private Path root;

  @Test
  void givesAndTakesFilesOfItsFolderOnly() throws Exception {
    Files.writeString(root.resolve("file"), "content");
    String base = "http://127.0.0.1:" + HttpOrigin.start(ANY_PORT, root);
    assertThat(get(base + "/file").body()).isEqualTo("content");
    assertThat(get(base + "/none").statusCode()).isEqualTo(404);
    assertThat(get(base + "/../etc/passwd").statusCode()).isEqualTo(404);
    HttpRequest put =
        HttpRequest.newBuilder(URI.create(base + "/new")).PUT(BodyPublishers.ofString("b")).build();
    assertThat(send(put).statusCode()).isEqualTo(201);
    assertThat(root.resolve("new")).hasContent("b");
  }

  @Test
  void answersOnlyWhenTheClientHasStoppedSending() throws IOException {
    ByteArrayOutputStream digests = new ByteArrayOutputStream();
    try (Socket socket = connect(digests)) {
      socket.getOutputStream().write("Cabc".getBytes(StandardCharsets.UTF_8));
      socket.shutdownOutput();
      Hash answer = Hash.of(socket.getInputStream());
      assertThat(answer.length()).isEqualTo(Payload.ANSWER_BYTES);
      assertThat(answer.hex()).isEqualTo(Hash.ofPayload(Payload.ANSWER_SEED, Payload.ANSWER_BYTES));
    }
    assertThat(digests.toString(StandardCharsets.UTF_8)).isEqualTo(digestOf("abc"));
  }

  @Test
  void goesOnReceivingWhenItHasStoppedSending() throws IOException {
    ByteArrayOutputStream digests = new ByteArrayOutputStream();
    try (Socket socket = connect(digests)) {
      socket.getOutputStream().write('S');
      assertThat(Hash.of(socket.getInputStream()).length()).isEqualTo(Payload.ANSWER_BYTES);
      socket.getOutputStream().write("abc".getBytes(StandardCharsets.UTF_8));
      assertThat(digests.size()).isZero();
    }
  }

  private static Socket connect(ByteArrayOutputStream digests) throws IOException {
    PrintStream out = new PrintStream(digests, true, StandardCharsets.UTF_8);
    int port = HalfCloseOrigin.start(ANY_PORT, out);
    return new Socket(InetAddress.getLoopbackAddress(), port);
  }

  private static String digestOf(String text) {
    Hash hash = new Hash();
    hash.add(text.getBytes(StandardCharsets.UTF_8), text.length());
    return hash.hex() + " " + text.length() + "\n";
  }

  private static HttpResponse<String> get(String uri) throws Exception {
    return send(HttpRequest.newBuilder(URI.create(uri)).build());
  }

  private static HttpResponse<String> send(HttpRequest request) throws Exception {
    return HttpClient.newHttpClient().send(request, BodyHandlers.ofString());
  }
}
