"""Names of pictures as apps and phones give them, and what they say."""

from __future__ import annotations

from dataclasses import dataclass

SECOND = "2021-01-31 10:11:12"
DAY = "2021-01-31"


@dataclass(frozen=True)
class Case:
    """``says``: day, or day and time; ``is_utc``: not the time of this computer."""

    name: str
    says: str = SECOND
    is_utc: bool = False


NAMES = (
    Case("IMG-20210131-WA0007.jpg", DAY),  # WhatsApp
    Case("VID-20210131-WA0001.mp4", DAY),
    Case("STK-20210131-WA0003.webp", DAY),
    Case("WhatsApp Image 2021-01-31 at 10.11.12.jpeg"),  # WhatsApp on a computer
    Case("WhatsApp Image 2021-01-31 at 10.11.12 (1).jpeg"),
    Case("WhatsApp Video 2021-01-31 at 10.11.12.mp4"),
    Case("WhatsApp Image 2021-01-31 at 1.11.12 PM.jpeg", "2021-01-31 13:11:12"),
    Case("signal-2021-01-31-101112.jpg"),
    Case("signal-2021-01-31-10-11-12-345.jpg"),
    Case("signal-2021-01-31-101112_002.jpg"),
    Case("photo_2021-01-31_10-11-12.jpg"),  # Telegram
    Case("photo_2021-01-31_10-11-12 (2).jpg"),
    Case("video_2021-01-31_10-11-12.mp4"),
    Case("photo_5433@31-01-2021_10-11-12.jpg"),
    Case("Screenshot_20210131-101112.png"),
    Case("Screenshot_20210131-101112_WhatsApp.jpg"),  # Samsung
    Case("Screenshot_20210131_101112.png"),
    Case("Screenshot_20210131_101112_com.android.chrome.jpg"),  # Huawei
    Case("Screenshot_2021-01-31-10-11-12-345_com.app.jpg"),  # Xiaomi
    Case("Screenshot_2021-01-31-10-11-12.png"),
    Case("Screenshot_2021-01-31_10-11-12.png"),  # Xfce
    Case("Screenshot from 2021-01-31 10-11-12.png"),  # GNOME
    Case("Screenshot 2021-01-31 at 10.11.12.png"),  # macOS
    Case("Screen Shot 2021-01-31 at 10.11.12 AM.png"),
    Case("Screenshot 2021-01-31 at 12.11.12\u202fAM.png", "2021-01-31 00:11:12"),
    Case("Screenshot 2021-01-31 101112.png"),  # Windows 11
    Case("Screen_Recording_20210131-101112_Maps.mp4"),
    Case("SVID_20210131_101112_1.mp4"),
    Case("XRecorder_31012021_101112.mp4"),
    Case("PXL_20210131_101112345.jpg", is_utc=True),
    Case("PXL_20210131_101112345.MP.jpg", is_utc=True),
    Case("PXL_20210131_101112345~2.jpg", is_utc=True),
    Case("20210131_101112345_iOS.jpg", is_utc=True),  # OneDrive
    Case("Skype_Picture_2021_01_31T10_11_12_345Z.jpeg", is_utc=True),
    Case("IMG_20210131_101112.jpg"),
    Case("IMG_20210131_101112_HDR.jpg"),
    Case("IMG_20210131_101112_123.jpg"),  # Instagram
    Case("IMG20210131101112.jpg"),  # Oppo
    Case("MVIMG_20210131_101112.jpg"),
    Case("VID_20210131_101112.mp4"),
    Case("VID_20210131_101112_00_001.mp4"),  # Insta360
    Case("PANO_20210131_101112.jpg"),
    Case("00000IMG_00000_BURST20210131101112345_COVER.jpg"),
    Case("20210131_101112.jpg"),  # Samsung
    Case("20210131_101112(0).jpg"),
    Case("20210131_101112~2.jpg"),
    Case("20210131101112.jpg"),
    Case("2021-01-31 10.11.12.jpg"),  # Dropbox
    Case("2021-01-31 10.11.12-1.jpg"),
    Case("Photo 31-01-21, 10 11 12.jpg"),
    Case("Photo 31-01-2021, 10 11 12.jpg"),
    Case("21-01-31 10-11-12 0123.jpg"),  # Nextcloud
    Case("Picsart_21-01-31_10-11-12-345.jpg"),
    Case("WP_20210131_10_11_12_Pro.jpg"),  # Windows phones
    Case("WP_20210131_001.jpg", DAY),
    Case("WIN_20210131_10_11_12_Pro.jpg"),
    Case("P_20210131_101112.jpg"),  # Asus
    Case("C360_2021-01-31-10-11-12-345.jpg"),
    Case("B612_20210131_101112_345.jpg"),
    Case("InShot_20210131_101112345.jpg"),
    Case("lv_0_20210131101112.mp4"),  # CapCut
    Case("DJI_20210131101112_0001_D.JPG"),
    Case("2021_0131_101112_001.MP4"),  # dash cameras
    Case("viber_image_2021-01-31_10-11-12-345.jpg"),
    Case("LRM_EXPORT_20210131_101112.jpg"),
    Case("FB_IMG_1612087872345.jpg", is_utc=True),
    Case("mmexport1612087872345.jpg", is_utc=True),  # WeChat
    Case("1612087872345.jpg", is_utc=True),  # LINE
    Case("Scan 2021-01-31 10.11.jpg", "2021-01-31 10:11:00"),
    Case("2021-01-31.jpg", DAY),
    Case("holiday 2021-01-31 beach.jpg", DAY),
    Case("IMG_20210131.jpg", DAY),
)

NO_DATE = (
    "DSC_0123.JPG",
    "DSC01234.JPG",
    "IMG_1234.HEIC",
    "IMG_E1234.JPG",
    "P1310123.JPG",
    "GOPR0123.MP4",
    "received_1015812345678901.jpeg",
    "Snapchat-1612087872.jpg",
    "Snapchat-20123456789.jpg",
    "120345678_1234567890123456_2021013110111234567_n.jpg",
    "20211331_101112.jpg",  # no such month
    "20210231_101112.jpg",  # no such day
    "IMG_20210132_101112.jpg",
    "IMG-20991231-WA0001.jpg",  # to come
    "IMG_18990131_101112.jpg",
    "1989-12-31.jpg",
    "20210131.jpg",  # a phone number of Denmark
    "+4520210131.jpg",
    "491701234567.jpg",
    "8613812345678.jpg",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301.jpg",
    "a20210131101112b.jpg",
    "9c20210131e4f7a1b2c3d4e5f60718293.png",
    "d41d8cd98f00b204e9800998ecf8427e.png",
    "image000000.jpg",
    "Untitled.png",
    "PicsArt_01-31-10.11.12.jpg",  # no year
    "v2.1.2021.png",
    "Screenshot (12).png",
    "12345678.jpg",
    "99991231_235959.jpg",
    "2021013110111234567890.jpg",
    "",
    ".jpg",
    "…",
)
