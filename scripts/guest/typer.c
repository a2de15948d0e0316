/* A scanner that types, made with uinput: "FG1:A" and Enter, so many times as the argument says, every 2 s. */
#include <fcntl.h>
#include <linux/uinput.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static int device;

static void emit(int type, int code, int value) {
    struct input_event event;
    memset(&event, 0, sizeof event);
    event.type = type;
    event.code = code;
    event.value = value;
    if (write(device, &event, sizeof event) < 0) _exit(1);
}

static void press(int key, int value) {
    emit(EV_KEY, key, value);
    emit(EV_SYN, 0, 0);
}

static void tap(int key) {
    press(key, 1);
    press(key, 0);
}

int main(int count, char **words) {
    struct uinput_setup setup;
    device = open("/dev/uinput", O_WRONLY);
    if (count != 2 || device < 0) return 1;
    ioctl(device, UI_SET_EVBIT, EV_KEY);
    for (int key = 1; key < 128; key++) ioctl(device, UI_SET_KEYBIT, key);
    memset(&setup, 0, sizeof setup);
    setup.id.bustype = BUS_USB;
    strcpy(setup.name, "scanner");
    ioctl(device, UI_DEV_SETUP, &setup);
    ioctl(device, UI_DEV_CREATE);
    for (int left = atoi(words[1]); left > 0; left--) {
        sleep(2);
        press(KEY_LEFTSHIFT, 1);
        tap(KEY_F);
        tap(KEY_G);
        press(KEY_LEFTSHIFT, 0);
        tap(KEY_1);
        press(KEY_LEFTSHIFT, 1);
        tap(KEY_SEMICOLON);
        tap(KEY_A);
        press(KEY_LEFTSHIFT, 0);
        tap(KEY_ENTER);
    }
    sleep(3);
    ioctl(device, UI_DEV_DESTROY);
    return 0;
}
