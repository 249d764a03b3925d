package dev.oxbow.app.program;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.oxbow.fdpassing.testing.DescriptorLeaks;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

@DescriptorLeaks
class JavaCommandTest {
  private static final Path COPY = Path.of("/cache/abc/oxbow.jar");
  private static final Path ORIGINAL = Path.of("/opt/oxbow/oxbow.jar");

  private static JavaCommand parse(String jar, String... words) throws IOException {
    return JavaCommand.parse((String.join("\0", words) + "\0").getBytes(UTF_8), jar);
  }

  private static byte[] cmdline(List<byte[]> words) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (byte[] word : words) {
      bytes.write(word);
      bytes.write(0);
    }
    return bytes.toByteArray();
  }

  @Test
  void putsOwnOptionsBeforeThoseOfTheUser() throws IOException {
    JavaCommand command = parse("o.jar", "java", "-Xmx1g", "-jar", "o.jar", "run", "--config", "");

    assertThat(command.inCopy(COPY, ORIGINAL, List.of("-Xa", "-Xb")))
        .extracting(word -> new String(word, UTF_8))
        .containsExactly(
            "java",
            "-Xa",
            "-Xb",
            "-Doxbow.jar=" + ORIGINAL,
            "-Xmx1g",
            "-jar",
            COPY.toString(),
            "run",
            "--config",
            "");
  }

  @Test
  void knowsWhichOptionsTheJvmWasGivenAndNotThoseOfTheProgram() throws IOException {
    JavaCommand command = parse("o.jar", "java", "-Xmx1g", "-jar", "o.jar", "run", "-Xmn1");

    assertThat(command.hasOption(List.of("-Xmn", "-Xmx"))).isTrue();
    assertThat(command.hasOption(List.of("-Xmn", "java"))).isFalse();
  }

  @Test
  void findsTheWayBackToTheOriginal() throws IOException {
    JavaCommand first = parse("o.jar", "java", "-cp", "x", "-jar", "o.jar", "run", "-jar", "o.jar");
    byte[] copied = cmdline(first.inCopy(COPY, ORIGINAL, List.of("-Xa")));

    assertThat(
            JavaCommand.parse(copied, COPY.toString())
                .ofOriginal(Path.of("/jdk/bin/java"), ORIGINAL))
        .containsExactly(
            "/jdk/bin/java", "-cp", "x", "-jar", ORIGINAL.toString(), "run", "-jar", "o.jar");
  }

  @Test
  void processThatRunsFromItsJarIsItsOwnOriginal() throws IOException {
    JavaCommand command = parse("o.jar", "java", "-Dx", "-jar", "o.jar", "run");

    assertThat(command.ofOriginal(Path.of("/bin/java"), ORIGINAL))
        .containsExactly("/bin/java", "-Dx", "-jar", ORIGINAL.toString(), "run");
  }

  @Test
  void wordsThatAreNoTextStayAsTheyAre() throws IOException {
    byte[] odd = {(byte) 0xff, (byte) 0xfe};
    byte[] line =
        cmdline(List.of("java".getBytes(UTF_8), "-jar".getBytes(UTF_8), new byte[0], odd));
    JavaCommand command = JavaCommand.parse(line, "");

    assertThat(command.inCopy(COPY, ORIGINAL, List.of())).last().isEqualTo(odd);
  }

  @Test
  void refusesACommandLineThatDoesNotNameTheJar() {
    assertThatThrownBy(() -> parse("o.jar", "java", "@options", "run"))
        .isInstanceOf(IOException.class)
        .hasMessage("the command line of this process has no \"-jar o.jar\"");
  }
}
